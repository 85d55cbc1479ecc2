import { describe, expect, it } from "vitest";

import { noChroma, startChroma } from "./chroma-server.js";
import { printed, programs } from "./integrations-page.js";
import { finished, startNode } from "./support.js";

describe("the programs of docs/integrations.md run as they stand", () => {
  it("each has an expected answer", () => {
    expect([...programs.keys()]).toEqual(Object.keys(printed));
  });

  it.each(Object.entries(printed).filter(([name]) => name !== "Chroma"))("%s", async (name, stdout) => {
    const program = programs.get(name) as string;
    expect(await finished(startNode(program))).toMatchObject({ code: 0, stdout, stderr: "" });
  });

  it.skipIf(noChroma !== undefined)(`Chroma, but for the port ${noChroma ?? ""}`, async () => {
    const { port } = await startChroma();
    const program = (programs.get("Chroma") as string).replace(
      "new ChromaClient()",
      `new ChromaClient({ port: ${String(port)} })`,
    );
    expect(await finished(startNode(program))).toMatchObject({
      code: 0,
      stdout: printed["Chroma"],
      stderr: "",
    });
  });
});
