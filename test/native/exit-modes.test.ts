import { expect, it } from "vitest";

import { exitWays } from "../../scripts/exit-ways.mjs";
import { finished, startNode } from "./support.js";

/** How a program ends: with an exit code and without a signal, in short whether Node itself ended it. */
it.each(exitWays)("$name", async ({ program, end, stdout, kill }) => {
  const child = startNode(program);
  if (kill !== undefined) child.stdout?.once("data", () => child.kill(kill));
  expect(await finished(child)).toMatchObject(stdout === undefined ? end : { ...end, stdout });
});
