// The same module for `import`: see src/index.mts.
export * from "./index.js";
