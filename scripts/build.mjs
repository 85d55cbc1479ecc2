// npm run build: the addon and the TypeScript.
import { build } from "./setup.mjs";

build();
