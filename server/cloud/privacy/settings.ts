/**
 * What protects those whose samples are handed to strangers' devices: every number of it, with its bounds and its reason.
 * `docs/privacy.md` tells what each is worth against which attack. `UNPROTECTED` is for the tests that attack: what a
 * protection is good for shows where it is missing.
 */
import * as z from 'zod'

export const privacySchema = z.strictObject({
  /**
   * k: a value (an item, a category, a listed profile value or behaviour) that fewer users have shown is called unknown. Who
   * knows that somebody is among those who have shown it still has twenty to choose from. 1 names everything.
   */
  hideBelow: z.int().min(1).max(100_000).default(20),
  /**
   * Days (work cycles) between the registration of an account and its first sample. A fake account that must wait can be
   * noticed, and costs its maker a day; a true newcomer loses nothing, for receiving needs no age. 0: none.
   */
  donorAgeDays: z.number().min(0).max(365).default(1),
  /** Clicks before an account gives samples: a history of fewer teaches others nothing. */
  donorClicks: z.int().min(0).max(10_000).default(5),
  /**
   * Days between registration and the first matched samples. 0, so that a visitor's model is there within seconds of ten
   * clicks; above, accounts made to ask for the neighbours of a known person have to wait as well.
   */
  receiverAgeDays: z.number().min(0).max(365).default(0),
  /**
   * Share of a day's samples of one device that may come from one user: 0.02 of 300 are 6, twice as many as each of 100
   * neighbours gives when the round is full. It binds where few of them have anything to give, and that is what fake
   * accounts around a victim bring about. 1: no cap.
   */
  donorDayShare: z.number().gt(0).max(1).default(0.02),
  /** The same over the seven days that mappings are kept, in days' worths: 0.1 of 300 are 30; three a day are 21. */
  donorWeekShare: z.number().gt(0).max(7).default(0.1),
  /**
   * Devices that one sample is handed to at most. A user is the neighbour of K = 100 others on average, each of whom takes three
   * samples a day, 21 in the seven days: with 21 samples of their own a user serves 400 of these at once, so that the most
   * central alone are held back, and what a user can no longer get back after a withdrawal is bounded. 0: no cap.
   */
  reach: z.int().min(0).max(65_535).default(400),
  /**
   * Neighbours are K drawn, anew each day, from the nearest `widen` × K. Above 1 an attacker needs as many times more fake
   * accounts to be sure who is behind a sample, and everybody's neighbours are a little less alike. 1: the nearest K.
   */
  widen: z.number().min(1).max(10).default(1),
  /**
   * Batches list samples in an order drawn by lot. Otherwise their places tell which came of the same neighbour: going round
   * them, every K-th.
   */
  shuffle: z.boolean().default(true),
})
export type Privacy = z.infer<typeof privacySchema>

/** The defaults: `privacy({ widen: 2 })` changes one of them. */
export const privacy = (changes: z.input<typeof privacySchema> = {}): Privacy => privacySchema.parse(changes)

/** Every protection off. */
export const UNPROTECTED: Privacy = privacy({
  hideBelow: 1,
  donorAgeDays: 0,
  donorClicks: 0,
  donorDayShare: 1,
  donorWeekShare: 7,
  reach: 0,
  shuffle: false,
})
