import { ledgerSchema, shownBoardSchema } from '../../shared/admin.ts'
import type { Entry } from '../../shared/release/changes.ts'
import { moment, number } from '../phrases.ts'
import { type Here, useHere, useLoaded } from './here.ts'
import { Head, WhenLoaded } from './parts.tsx'
import { changeSentence } from './sentences.ts'
import { t } from './words/index.ts'

/** Lines of one page, which is what the server gives at one time. */
const PAGE = 100

/** The lines that end with number `to`, or with the newest; the newest first. */
async function pageOf(ask: Here['ask'], to: number | null): Promise<readonly Entry[]> {
  const last = to ?? (await ask(shownBoardSchema, '/releases')).entries
  if (last === 0) return []
  const { entries } = await ask(ledgerSchema, `/ledger/${Math.max(1, last - PAGE + 1)}`)
  return entries.filter(({ n }) => n <= last).reverse()
}

/** Who changed what, when and why. */
export function Ledger({ to }: { to: number | null }) {
  const { ask } = useHere()
  const found = useLoaded(() => pageOf(ask, to))
  return (
    <div class="panels">
      <Head title={t.view.ledger} of={found} />
      <p class="quiet">{t.ledger.about}</p>
      <WhenLoaded of={found}>
        {(entries) => {
          if (entries.length === 0) return <p>{t.ledger.noneYet}</p>
          const next = entries.at(-1)!.n - 1
          return (
            <>
              <ol class="panel ledger" reversed>
                {entries.map((entry) => (
                  <li key={entry.n} value={entry.n} data-testid={`entry-${entry.n}`}>
                    <p>
                      <span class="quiet">{number(entry.n)}</span> {changeSentence(entry.change)}
                    </p>
                    <p>{t.why(entry.why)}</p>
                    <p class="quiet">{t.by(entry.who, moment(entry.at))}</p>
                  </li>
                ))}
              </ol>
              <p class="actions">
                {to !== null && (
                  <a class="button" href="#/ledger">
                    {t.ledger.newest}
                  </a>
                )}
                {next > 0 && (
                  <a class="button" href={`#/ledger/${next}`}>
                    {t.ledger.older}
                  </a>
                )}
              </p>
            </>
          )
        }}
      </WhenLoaded>
    </div>
  )
}
