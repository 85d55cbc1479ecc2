// The same module for `import`: one instance, whichever way a program and its dependencies load it.
export * from "./index.js";
