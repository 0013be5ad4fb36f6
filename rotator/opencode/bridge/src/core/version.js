// Which bridge this is, and which form its files have.

export const VERSION = "0.5.0";
export const SCHEMA = 1;
