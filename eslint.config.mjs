import eslint from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** Only src/native.ts may import an addon, its loader or its types. */
const noAddon = {
  "no-restricted-imports": [
    "error",
    {
      patterns: [
        {
          group: [
            "@candle-embed/cuda-*",
            "@candle-embed/binding-*",
            "**/addon/load-addon.js",
            "**/binding.js",
          ],
          message: "Go through src/native.ts.",
        },
      ],
    },
  ],
};

/** What the scripts use of Node's globals. */
const nodeGlobals = [
  "AbortController",
  "Buffer",
  "URL",
  "WebAssembly",
  "clearInterval",
  "clearTimeout",
  "console",
  "fetch",
  "performance",
  "process",
  "setInterval",
  "setTimeout",
];

export default defineConfig(
  // test/types is compiled against dist, which linting does not wait for.
  {
    ignores: [
      "dist/",
      "target/",
      "binding.d.ts",
      ".cache/",
      "docs/.vitepress/cache/",
      "docs/.vitepress/dist/",
      "test/types/",
      "npm/*/dist/",
      "src/wasm/engine/",
    ],
  },
  eslint.configs.recommended,
  {
    files: ["**/*.ts", "**/*.mts", "**/*.cts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: [
          "tsconfig.json",
          "src/server/page/client/tsconfig.json",
          "test/tsconfig.json",
          "test/wasm/tsconfig.json",
        ],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // Arguments of public functions are checked at run time too: JavaScript callers have no compiler.
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // It asks for `!`, which no-non-null-assertion forbids.
      "@typescript-eslint/non-nullable-type-assertion-style": "off",
    },
  },
  {
    files: ["test/**/*.ts"],
    // The fake addon has the shape of the real one, not its constructors.
    rules: { "@typescript-eslint/no-unsafe-class-instance-assignment": "off" },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { globals: Object.fromEntries(nodeGlobals.map((name) => [name, "readonly"])) },
  },
  {
    files: ["models/*/index.js"],
    languageOptions: {
      sourceType: "commonjs",
      globals: { require: "readonly", exports: "readonly", __dirname: "readonly" },
    },
  },
  {
    files: ["examples/browser/main.js"],
    languageOptions: { globals: { document: "readonly", performance: "readonly" } },
  },
  {
    files: ["examples/nextjs-route/app/**/*.js"],
    languageOptions: { globals: { Response: "readonly" } },
  },
  { files: ["src/**/*.ts"], ignores: ["src/native.ts", "src/addon/*.ts"], rules: noAddon },
);
