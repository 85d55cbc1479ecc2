/** @type {import("next").NextConfig} */
export default {
  // A native addon is loaded from its own folder, not from a bundle.
  serverExternalPackages: ["candle-embed"],
};
