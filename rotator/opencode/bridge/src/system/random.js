// Names that nobody else has.

import { randomBytes } from "node:crypto";

export const randomId = () => randomBytes(8).toString("hex");
