"""Errors of files."""

from uuid import UUID

from chat_app.core.errors import AppError, Conflict, Invalid, NotFound, Unavailable


class TooLarge(AppError):
    """The file, or the body of a request, is larger than it may be."""

    code = "too_large"
    default_detail = "This is too large."


class FileTooLarge(TooLarge):
    """The file is larger than `CHAT_MAX_FILE_MB`."""

    code = "file_too_large"
    default_detail = "This file is too large."


class StorageUsedUp(TooLarge):
    """The files of the user would take more than `CHAT_USER_STORAGE_MB`."""

    code = "quota"
    default_detail = "Your storage is full. Delete messages with files to make room."


class MoreThanAnnounced(TooLarge):
    """The body goes beyond the length of the upload."""

    code = "beyond_length"
    default_detail = "This is more than the length of the upload."


class EmptyFile(Invalid):
    """The file has no bytes."""

    code = "empty_file"
    default_detail = "This file is empty."


class NotAPicture(Invalid):
    """An avatar can be made of a picture only."""

    code = "not_a_picture"
    default_detail = "An avatar is made of a picture."

    def __init__(self, file_id: UUID) -> None:
        super().__init__({"file_id": f"{file_id} is no picture that can be read."})


class NotUnsent(Invalid):
    """The file is another user's, or not ready, or it was sent."""

    def __init__(self, file_id: UUID) -> None:
        super().__init__({"file_id": f"{file_id} is no file of yours that is ready and unsent."})


class UploadNotFound(NotFound):
    """There is no such upload, or it is another user's."""

    default_detail = "There is no such upload."


class NoSuchFile(NotFound):
    """There is no such file, or the user may not read any message that has it."""

    default_detail = "There is no such file."


class WrongOffset(Conflict):
    """The bytes do not follow those that are there."""

    code = "wrong_offset"
    default_detail = "The upload goes on at another offset."


class AlreadySent(Conflict):
    """The file is part of a message: it goes with that."""

    code = "already_sent"
    default_detail = "This file was sent. It is deleted with its message."


class UploadIsBusy(AppError):
    """Another request is writing to the upload."""

    code = "upload_busy"
    default_detail = "This upload is in progress elsewhere."
    retryable = True


class ChecksumMismatch(AppError):
    """The bytes that arrived are not those that were sent."""

    code = "checksum_mismatch"
    default_detail = "The bytes were damaged on the way."
    retryable = True


class WrongVersion(AppError):
    """The client does not speak tus 1.0."""

    code = "wrong_tus_version"
    default_detail = "Uploads speak tus 1.0.0."


class WrongBodyType(AppError):
    """The body is no `application/offset+octet-stream`."""

    code = "unsupported_media_type"
    default_detail = "The body must be application/offset+octet-stream."


class DiskFull(Unavailable):
    """The disk has no room. What had arrived before is kept."""

    code = "storage_full"
    default_detail = "The chat has no room for files right now."


class BytesMissing(Unavailable):
    """The bytes of a file are not where they should be: the folder is missing, or damaged."""

    default_detail = "This file cannot be read right now."


class OutOfRange(AppError):
    """The range begins behind the end of the file, whose `size` is named."""

    code = "range_not_satisfiable"
    default_detail = "The file has no such range."

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__()
