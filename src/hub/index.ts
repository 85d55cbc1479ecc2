// What the backends use of the hub.

export { fetchDataset } from "./fetch-dataset.js";
export { fetchModel } from "./fetch-model.js";
export { hubSettings } from "./settings.js";
