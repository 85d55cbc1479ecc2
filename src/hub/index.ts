// What the backends use of the hub.

export { fetchModel } from "./fetch-model.js";
export { hubSettings } from "./settings.js";
