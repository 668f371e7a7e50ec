/**
 * Where the word `import` is in a script, or −1. `import()` is syntax that no realm can be without, and asks the network; a
 * keyword cannot be written in any other way, so a script without the word has none. Words for people count, too.
 */
export const whereImport = (text: string): number => text.search(/\bimport\b/)
