/**
 * The seed of a user's device: the same under all arms, so that they differ by what they do and not by chance; another under
 * each seed of the experiment.
 */
export function seedOf(seed: number, user: string): number {
  let mixed = Math.imul(seed, 0x9e3779b1)
  for (let i = 0; i < user.length; i++) mixed = Math.imul(mixed ^ user.charCodeAt(i), 0x01000193)
  return mixed >>> 0
}
