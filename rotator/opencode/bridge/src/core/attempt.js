// What may go wrong without anybody having to know.

export function attempt(action, otherwise) {
  try {
    return action();
  } catch {
    return otherwise;
  }
}

export const ignore = () => {};
