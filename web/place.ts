/**
 * Where the parts of a published app are: `kindred publish` writes it into the page, as what its workers are told by their name
 * (`static`, `server`, `root` of worker/options.ts). A page that the server itself hands out says nothing of that.
 */
export const placeIn = (page: Pick<Document, 'querySelector'>): URLSearchParams =>
  new URLSearchParams(page.querySelector('meta[name="kindred"]')?.getAttribute('content') ?? '')
