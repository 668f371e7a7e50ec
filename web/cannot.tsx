import type { Lack } from './able.ts'
import { Mark } from './parts.tsx'
import { t } from './strings/index.ts'

/** The whole page, where the browser cannot run the app. */
export function Cannot({ lacks }: { lacks: readonly Lack[] }) {
  return (
    <main class="stranded">
      <Mark />
      <h1>{t.browser.cannot}</h1>
      <p>{t.browser.why}</p>
      <ul>
        {lacks.map((lack) => (
          <li key={lack}>{t.browser.lacks[lack]}</li>
        ))}
      </ul>
      <p class="quiet">{t.browser.newer}</p>
    </main>
  )
}
