import { expect, it, onTestFinished } from "vitest";

import { finished } from "../native/support.js";
import { firstLine, startExample } from "./support.js";

it("express-service answers, tells a wrong request from a fault, and ends on SIGTERM", async () => {
  const server = startExample("express-service/server.mjs", [], { PORT: "0" });
  onTestFinished(() => void server.kill("SIGKILL"));
  const url = await firstLine(server);

  const ask = (query: string): Promise<Response> => fetch(`${url}/similar${query}`);
  const answers = await Promise.all(
    ["my phone is always empty", "it is pouring outside"].map(async (text) => {
      const response = await ask(`?text=${encodeURIComponent(text)}`);
      return ((await response.json()) as { entry: string; score: number }[])[0]?.entry;
    }),
  );
  expect(answers).toEqual(["Power bank, charges a telephone three times", "Rain jacket with hood"]);

  const wrong = await ask("");
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({ code: "INVALID_INPUT" });

  const ended = finished(server);
  server.kill("SIGTERM");
  expect(await ended).toMatchObject({ code: 0 });
});
