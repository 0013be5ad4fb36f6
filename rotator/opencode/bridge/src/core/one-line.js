// Text of others, shown to people.

const NOTE_LETTERS = 200;

/**
 * Return text from a file as one line without anything that moves a cursor.
 *
 * @param {string} text
 */
export const oneLine = (text) => text.replace(/[\p{C}\s]+/gu, " ").trim().slice(0, NOTE_LETTERS);
