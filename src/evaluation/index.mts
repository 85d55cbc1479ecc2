// The same module for `import`, as the main entry.
export * from "./index.js";
