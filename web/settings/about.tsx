import { version } from '../../package.json'
import type { Catalogue } from '../../shared/catalogue.ts'
import type { Status } from '../../shared/protocol.ts'
import { Panel } from '../parts.tsx'
import { number } from '../phrases.ts'
import { t } from '../strings/index.ts'

/** What this is, in which version, and under which licences. */
export function About({ status, catalogue }: { status: Status | null; catalogue: Catalogue | null }) {
  const { task, serving, engine } = status ?? {}
  return (
    <Panel title={t.settings.about}>
      <p>{t.settings.aboutText}</p>
      <dl class="facts">
        <Fact name={t.settings.version} value={version} />
        <Fact
          name={t.settings.model}
          value={task && serving ? t.settings.modelOf(task.name, number(serving.version)) : t.settings.none}
        />
        <Fact
          name={t.settings.catalogue}
          value={
            catalogue
              ? t.settings.catalogueOf(catalogue.name, catalogue.items.length, catalogue.noun)
              : t.settings.none
          }
        />
        <Fact name={t.settings.engine} value={engine ?? t.settings.none} />
        <Fact name={t.settings.licence} value="Apache-2.0" />
      </dl>
      <p>
        <a href="/licences.txt" target="_blank" rel="noopener">
          {t.settings.licences}
        </a>
      </p>
    </Panel>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
