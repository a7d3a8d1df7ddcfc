/** The types of `dist/taskrealm.js`, the build for a plain `<script>`. */

export * from "./dist/index"
export as namespace taskrealm
