import { type Reach, reachSchema, type ShownBoard, shownBoardSchema } from '../../../shared/admin.ts'
import { useHere, useLoaded } from '../here.ts'
import { Head, WhenLoaded } from '../parts.tsx'
import { stateOf } from '../sentences.ts'
import { t } from '../words/index.ts'
import { ReleaseCard } from './card.tsx'

/** The first view: every release that goes on, the newest first, with what can be done about it. */
export function Releases() {
  const { ask, now } = useHere()
  const found = useLoaded(() =>
    Promise.all([ask(shownBoardSchema, '/releases'), ask(reachSchema, '/releases/reach')]),
  )
  return (
    <div class="panels">
      <Head title={t.view.releases} of={found} />
      <WhenLoaded of={found}>
        {([board, reach]) => <Board board={board} reach={reach} now={now()} />}
      </WhenLoaded>
    </div>
  )
}

function Board({ board, reach, now }: { board: ShownBoard; reach: Reach; now: number }) {
  const { propose } = useHere()
  const newest = board.releases.toReversed()
  const isOver = (release: (typeof newest)[number]) => ['revoked', 'ended'].includes(stateOf(release, now))
  const [standing, over] = [newest.filter((one) => !isOver(one)), newest.filter(isOver)]
  const card = (release: (typeof newest)[number]) => (
    <ReleaseCard
      key={release.id}
      release={release}
      reach={reach.releases.find((one) => one.release === release.id) ?? null}
      devices={reach.devices}
      now={now}
    />
  )
  return (
    <>
      <p class="quiet">{t.release.known(board.devices)}</p>
      {board.killed.map((task) => (
        <div key={task} class="notice">
          <span>{t.release.killed(task)}</span>
          <button
            type="button"
            class="button"
            onClick={() =>
              propose({
                title: t.ask.revive.title(task),
                about: t.ask.revive.about,
                yes: t.ask.revive.yes,
                change: { order: { type: 'revive', task } },
              })
            }
          >
            {t.release.revive}
          </button>
        </div>
      ))}
      <p class="actions">
        <a class="button primary" href="#/release">
          {t.release.add}
        </a>
      </p>
      {newest.length === 0 && <p>{t.release.noneYet}</p>}
      <ul class="cards">{standing.map(card)}</ul>
      {over.length > 0 && (
        <details class="panel">
          <summary>{t.release.over(over.length)}</summary>
          <ul class="cards">{over.map(card)}</ul>
        </details>
      )}
    </>
  )
}
