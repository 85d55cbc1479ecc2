import type { Core } from "../core.js";
import { json, type Incoming } from "../http.js";
import type { ServedModel } from "../served-model.js";
import type { Route } from "./route.js";

/** `GET /v1/models` and `GET /v1/models/:id`, by name or alias; names may have slashes. */
export const models: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/models",
    handle: (_request, core) => {
      const data = core.models.flatMap((model) =>
        [model.name, ...model.aliases].map((id) => describe(id, model)),
      );
      return json({ object: "list", data });
    },
  },
  {
    method: "GET",
    path: "/v1/models/*",
    handle: (request, core) => {
      const id = idOf(request);
      return json(describe(id, core.findModel(id)));
    },
  },
];

function describe(id: string, model: ServedModel): object {
  const created = Math.floor((model.readySince?.getTime() ?? 0) / 1_000);
  return { id, object: "model", created, owned_by: "candle-embed" };
}

function idOf({ path }: Incoming): string {
  const encoded = path.slice("/v1/models/".length);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** The models as `/info` tells of them. */
export function describeModels(core: Core): object[] {
  return core.models.map((model) => {
    const { name, aliases, isReady } = model;
    if (!isReady) return { id: name, aliases, ready: false };
    const { modelId, revision, dimensions, maxTokens, space } = model.backend;
    const { device, dtype } = model.labels ?? {};
    return {
      id: name,
      aliases,
      ready: true,
      model_id: modelId,
      revision,
      dimensions,
      // APIs may have no limit that is known, and JSON has no infinity.
      max_tokens: Number.isFinite(maxTokens) ? maxTokens : null,
      pooling: space.pooling,
      normalized: space.normalized,
      prompt_names: Object.keys(space.prompts),
      space: space.id,
      ...(device !== undefined && { device }),
      ...(dtype !== undefined && { dtype }),
    };
  });
}
