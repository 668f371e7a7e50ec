/** What a browser says of itself, in the words by which releases go. */
import type { Facts } from '../platform.ts'

/** Which of them it says it is: an iPad may say that it is a Mac. */
const PLATFORMS: readonly (readonly [RegExp, string])[] = [
  [/Android/, 'android'],
  [/iPhone|iPad|iPod/, 'ios'],
  [/CrOS/, 'chromeos'],
  [/Windows/, 'windows'],
  [/Mac OS X|Macintosh/, 'macos'],
  [/Linux/, 'linux'],
]

/** The shortest module with an instruction of WebAssembly's SIMD: it gives `i32x4.splat(0)`'s first lane. */
const SIMD = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0],
  ...[10, 11, 1, 9, 0, 65, 0, 253, 17, 253, 27, 0, 11],
)

export interface Agent {
  readonly userAgent: string
  readonly language?: string | undefined
  readonly gpu?: unknown
}

/** `app`: its version. */
export function factsOf({ userAgent, language, gpu }: Agent, app: string): Facts {
  const platform = PLATFORMS.find(([pattern]) => pattern.test(userAgent))?.[1]
  const capabilities = [...(gpu ? ['webgpu'] : []), ...(WebAssembly.validate(SIMD) ? ['wasm-simd'] : [])]
  return {
    ...(/^\d+\.\d+\.\d+$/.test(app) && { app }),
    ...(platform && { platform }),
    ...(language && /^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8}){0,3}$/.test(language) && { language }),
    capabilities,
  }
}
