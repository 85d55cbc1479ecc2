/** The version of glibc, as Node's own report says it; `undefined` where there is none: on Linux that is musl. */
export function glibcVersion(): string | undefined {
  const report = process.report as { excludeNetwork?: boolean; getReport(): unknown } | undefined;
  // Without this, the report asks the name server for the name of each open connection.
  if (report !== undefined) report.excludeNetwork = true;
  const { header } = (report?.getReport() ?? {}) as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime;
}
