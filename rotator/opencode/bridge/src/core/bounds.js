// How much is remembered, where several modules have to agree on it.

export const MOST_SESSIONS = 256;
export const MOST_SEEN = 64; // credentials remembered for each provider
