// npm test: installs and builds what is missing, then runs every test. Ends with the code of the first that fails.
import { runNpm, runStep, setUp } from "./setup.mjs";

setUp();
runStep("tests: Rust", "cargo", ["test", "--release", "--workspace"]);
runNpm("tests: TypeScript", ["run", "--silent", "test:ts"]);
runNpm("tests: types, as programs with import and with require see them", ["run", "--silent", "test:types"]);
