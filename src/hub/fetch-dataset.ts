import { CandleEmbedError } from "../errors.js";
import { fetchRepository, type FetchedRepository, type RepositoryRequest } from "./fetch-repository.js";

/** A data set on a hub, and which of its files are wanted. */
export interface DatasetRequest extends Omit<RepositoryRequest, "kind" | "needed" | "verify"> {
  /** Told the names of all its files; gives those to be fetched. */
  readonly choose: (names: readonly string[]) => readonly string[];
}

/**
 * Makes sure that the wanted files of a data set are in the cache, and right: the cache that Python's `datasets` shares.
 *
 * @throws CandleEmbedError as `fetchRepository`; `INVALID_INPUT` where none of its files is wanted.
 */
export function fetchDataset({ choose, ...request }: DatasetRequest): Promise<FetchedRepository> {
  return fetchRepository({
    ...request,
    kind: "dataset",
    needed: (files) => {
      const chosen = [...choose([...files.names()])];
      if (chosen.length > 0) return Promise.resolve(chosen);
      return Promise.reject(
        new CandleEmbedError(
          "INVALID_INPUT",
          `the data set ${request.repository} has no file of the wanted kind`,
        ),
      );
    },
  });
}
