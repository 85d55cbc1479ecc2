// npm test: installs and builds what is missing, then runs every test. Ends with the code of the first that fails.
import { getHuggingfaceHub } from "./get-huggingface-hub.mjs";
import { getPythonClients } from "./get-python-clients.mjs";
import { getTestWeights } from "./get-test-weights.mjs";
import { runNpm, runStep, setUp } from "./setup.mjs";

setUp();
// Once, before tests in several processes would each download them.
const { path, reason } = await getTestWeights();
console.log(`- float32 weights: ${path ?? `none, their tests are skipped (${reason})`}`);
const hub = await getHuggingfaceHub();
console.log(`- huggingface_hub: ${hub.path ?? `none, the tests with it are skipped (${hub.reason})`}`);
const clients = await getPythonClients();
console.log(
  `- Python's clients: ${clients.path ?? `none, the tests with them are skipped (${clients.reason})`}`,
);
runStep("tests: Rust", "cargo", ["test", "--release", "--workspace"]);
// The kernels' own tests run every instruction set of the machine; here the whole engine does, on the lower ones.
// Of the whole workspace as above: for one package cargo compiles the dependencies anew, with fewer features.
const options = ["--release", "--quiet", "--workspace", "--test", "integration"];
const engine = ["test", ...options, "--", "parity", "invariance"];
// Not "avx2" alone, which is its best variant: int8 without VNNI takes another way through every layer.
for (const isa of ["avx2+plain", "scalar"]) {
  runStep(`tests: the engine with CANDLE_EMBED_ISA=${isa}`, "cargo", engine, { CANDLE_EMBED_ISA: isa });
}
runNpm("tests: TypeScript", ["run", "--silent", "test:ts"]);
runNpm("tests: types, as programs with import and with require see them", ["run", "--silent", "test:types"]);
