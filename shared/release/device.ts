/** What a device says of itself when it asks what is active for it. */
import * as z from 'zod'

export const countrySchema = z.string().regex(/^[A-Z]{2}$/, 'a country of two capital letters (ISO 3166)')
export const languageSchema = z
  .string()
  .max(35)
  .regex(/^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*$/, 'a language tag (BCP 47)')
const word = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{0,29}$/, 'a word of lower-case letters, digits, dots and dashes')
export const platformSchema = word
export const capabilitySchema = word
export const deviceIdSchema = z.string().min(1).max(80)
export const appVersionSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){2}$/, 'a version of three numbers, as 1.4.0')

/** What is not there is not known. */
export const deviceInfoSchema = z.strictObject({
  id: deviceIdSchema,
  app: appVersionSchema.optional(),
  platform: platformSchema.optional(),
  country: countrySchema.optional(),
  language: languageSchema.optional(),
  /** `webgpu`, `wasm-simd`, `background-sync`, … */
  capabilities: z.array(capabilitySchema).max(64).optional(),
  /** ms, by the server's clock. */
  registered: z.int().min(0).optional(),
})
export type DeviceInfo = z.infer<typeof deviceInfoSchema>
