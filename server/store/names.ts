/**
 * Whom a name means: a source that is imported and the app around Kindred call their users the same, so a device that shows
 * a token of X is one of the imported user X.
 */
import type { Tables } from './tables.ts'

/** The row of `names` of a new user; those made before sources and tokens had their names in common have another. */
export const nameRow = (name: string): string => `user:${name}`

export const userOfName = ({ names }: Pick<Tables, 'names'>, name: string): number | undefined =>
  names.get(nameRow(name)) ?? names.get(`subject:${name}`) ?? names.get(`import:${name}`)
