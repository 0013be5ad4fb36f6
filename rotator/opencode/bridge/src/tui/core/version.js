// Which plugin this is, and which form its files have.

export const VERSION = "0.1.0";
export const SCHEMA = 1;
