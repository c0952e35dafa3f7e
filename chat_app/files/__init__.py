"""Files: uploads, their check, their bytes on disk, and who may read them."""
