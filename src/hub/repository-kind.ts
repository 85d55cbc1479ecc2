/** What a repository of a hub holds. */
export type RepositoryKind = "model" | "dataset";

/** What comes before a repository's name in the addresses of its pages and files. */
export function pathPrefix(kind: RepositoryKind): string {
  return kind === "dataset" ? "datasets/" : "";
}
