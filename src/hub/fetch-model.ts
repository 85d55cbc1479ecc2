import { fetchRepository, type FetchedRepository, type RepositoryRequest } from "./fetch-repository.js";
import { neededFiles } from "./needed-files.js";

/** A model on a hub, and what is known about it beforehand. */
export type ModelRequest = Omit<RepositoryRequest, "kind" | "needed">;

/** A model that is whole in the cache. */
export type FetchedModel = FetchedRepository;

/**
 * Makes sure that the files of a model that the engine needs are in the cache, and right.
 *
 * @throws CandleEmbedError as {@link fetchRepository}.
 */
export function fetchModel(request: ModelRequest): Promise<FetchedModel> {
  return fetchRepository({ ...request, kind: "model", needed: neededFiles });
}
