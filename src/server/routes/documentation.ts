import { json } from "../http.js";
import { openApiDocument } from "../openapi/document.js";
import { pagePaths, servePage } from "../page/page.js";
import type { Route } from "./route.js";

const always = (): boolean => true;

/** What explains the server: nothing of it is secret, and the page is where a key can be entered. */
export const documentation: readonly Route[] = [
  {
    method: "GET",
    path: "/openapi.json",
    isOpen: always,
    handle: (_request, { version, settings, apiKeys }) => {
      const { maxInputs, maxBodyBytes, metrics } = settings;
      return json(openApiDocument({ version, maxInputs, maxBodyBytes, metrics, needsKey: apiKeys.needed }));
    },
  },
  ...pagePaths.map((path): Route => ({ method: "GET", path, isOpen: always, handle: () => servePage(path) })),
];
