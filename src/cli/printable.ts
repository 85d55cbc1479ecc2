/** What files hold, without the characters that would command the terminal or turn the text around. */
export function printable(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(/(?![\n\t])[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu, "\uFFFD");
}
