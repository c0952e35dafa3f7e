// The rules for the scripts under assets/. `make lint` runs them from the root of the checkout.

import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["assets/external/"] },
  {
    files: ["assets/**/*.js"],
    extends: [js.configs.recommended, tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname },
    },
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
);
