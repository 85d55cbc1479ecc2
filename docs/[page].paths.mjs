import { pagesOf } from "./.vitepress/outside-pages.mjs";

export default pagesOf(".");
