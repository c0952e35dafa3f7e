// The rules for the scripts under assets/ and their tests. `make lint` runs them from the root of the checkout.

import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** @param {string} project */
const typedBy = (project) => ({ parserOptions: { project, tsconfigRootDir: import.meta.dirname } });

export default defineConfig(
  { ignores: ["assets/external/"] },
  {
    files: ["assets/**/*.js", "chat_app/**/*.js", "tests/**/*.js"],
    extends: [js.configs.recommended, tseslint.configs.recommendedTypeChecked],
    // A comment in a script cannot switch a rule off; an exception is made here, with its reason.
    linterOptions: { noInlineConfig: true },
    rules: {
      "no-undef": "off", // tsc finds names that nobody defines, and knows which ones a browser has.
      "no-var": "error",
      "prefer-const": "error",
      "no-implicit-coercion": "error",
      eqeqeq: "error",
      "@typescript-eslint/consistent-return": "error",
      "@typescript-eslint/no-shadow": "error",
    },
  },
  { files: ["assets/**/*.js"], languageOptions: typedBy("./tsconfig.json") },
  {
    files: ["chat_app/**/*.js", "tests/**/*.js"],
    languageOptions: typedBy("./tsconfig.tests.json"),
    rules: {
      "@typescript-eslint/no-floating-promises": "off", // `test` returns a promise that nobody awaits.
      "@typescript-eslint/require-await": "off", // Replacements of `fetch` return promises.
    },
  },
);
