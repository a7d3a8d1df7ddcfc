/** Fields for tests. */

import {type Field, fieldsOf} from "../src/schema"

/** The field of a parameter *x* with this schema. */
export function field(schema: unknown, {required = false, $defs = {}} = {}): Field {
  const [only] = fieldsOf({properties: {x: schema}, required: required ? ["x"] : [], $defs})
  return only as Field
}
