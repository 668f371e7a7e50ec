import type { Status } from '../../shared/protocol.ts'
import { Panel } from '../parts.tsx'
import { moment, number, size } from '../phrases.ts'
import { t } from '../strings/index.ts'

/** Everything that this device keeps, counted. */
export function Stored({ status }: { status: Status }) {
  const { events, samples, bytes } = status
  return (
    <Panel title={t.stored.title}>
      <dl class="figures">
        <Count name={t.stored.own} id="samples-local" value={samples.local} />
        <Count name={t.stored.opened} id="samples-clicks" value={samples.clicks} />
        <Count name={t.stored.borrowed} id="samples-matched" value={samples.matched - samples.filtered} />
        <Count name={t.stored.borrowedKept} id="samples-filtered" value={samples.filtered} />
        <Count name={t.stored.waiting} id="events-waiting" value={events.waiting} />
        <Count name={t.stored.delivered} id="events-delivered" value={events.delivered} />
      </dl>
      <p class="quiet">{t.stored.traffic(size(bytes.down), size(bytes.up))}</p>
    </Panel>
  )
}

function Count({ name, id, value }: { name: string; id: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={id} data-value={value}>
        {number(value)}
      </dd>
    </div>
  )
}

/** The model files, and which of them ranks. */
export function Models({ models, serving }: Pick<Status, 'models' | 'serving'>) {
  return (
    <Panel title={t.stored.models}>
      {models.length === 0 ? (
        <p>{t.stored.noModels}</p>
      ) : (
        <ul class="models">
          {models.map((model) => (
            <li key={model.slot} data-serving={serving?.slot === model.slot}>
              <span class="slot">{model.slot}</span>
              <span>
                <b>{t.stored.slots[model.slot]}</b>
                {serving?.slot === model.slot && <em>{t.stored.ranks}</em>}
                <br />
                <span class="quiet">
                  {t.stored.modelFacts(
                    model.version,
                    model.sha256.slice(0, 8),
                    size(model.bytes),
                    moment(model.at),
                  )}
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
