const units = ["B", "kB", "MB", "GB", "TB"];

/** A size as people read it, in powers of a thousand as disks and hubs count: `133.5 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? String(Math.round(value)) : value.toFixed(1)} ${units[unit] ?? ""}`;
}
