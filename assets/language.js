// In place of this file, pages in another language than English name the script with their catalogue
// (chat_app/languages/pages.js).
