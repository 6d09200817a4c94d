import { useState } from 'preact/hooks';
import { allPages, api, bodyOf } from '../api/client.ts';
import { loadPlan } from '../api/floor-plans.ts';
import { may } from '../api/session.ts';
import { loadDoorways } from '../api/topology.ts';
import type { FloorPlan } from '../api/types.ts';
import { messages } from '../i18n/i18n.ts';
import { isLoaded } from '../live/live-spaces.ts';
import { DoneNote, useDone } from '../parts/done-note.tsx';
import { Notice } from '../parts/notice.tsx';
import { LivePlan } from '../plans/live-plan.tsx';
import { DeletePlanDialog, NewPlanDialog } from '../plans/plan-dialogs.tsx';
import { PlanEditor } from '../plans/plan-editor.tsx';
import { linkToPlan } from '../route.ts';
import { useAnswer } from '../use-answer.ts';
import { useTitle } from '../use-title.ts';

/** The floor plans: one is shown, the first if the address names none. */
export function PlansView({ id }: { readonly id: string | undefined }) {
  const [done, onDone] = useDone();
  const [opened, setOpened] = useState<'new' | 'delete' | 'edit'>();
  const plans = useAnswer(
    async () => allPages(async (query) => bodyOf(api.GET('/floor-plans', { params: { query } }))),
    [done],
  );
  const shown = plans.value?.find((plan) => plan.id === id) ?? plans.value?.[0];
  // Until it is saved or cancelled, nothing on the page leads away from the drawing to another plan.
  const isEditing = shown !== undefined && opened === 'edit';
  useTitle(shown?.name ?? messages.plans);
  const close = (): void => setOpened(undefined);
  if (plans.error !== undefined) return <Notice text={plans.error} onRetry={plans.reload} />;
  if (plans.value === undefined || !isLoaded.value) return <Notice text={messages.loading} />;
  return (
    <>
      <div class="toolbar">
        <h1>{messages.plans}</h1>
        {isEditing ? null : <PlanLinks plans={plans.value} shown={shown} />}
        {may('topology:write') && !isEditing ? (
          <div class="buttons">
            <button type="button" class="button" onClick={() => setOpened('new')}>
              {messages.addPlan}
            </button>
            {shown ? (
              <>
                <button type="button" class="button" onClick={() => setOpened('edit')}>
                  {messages.editPlan}
                </button>
                <button type="button" class="button" onClick={() => setOpened('delete')}>
                  {messages.remove}
                </button>
              </>
            ) : null}
          </div>
        ) : null}
      </div>
      <div class="space-body">
        <DoneNote done={done} />
        {shown === undefined ? <Notice text={messages.noPlans} /> : null}
        {shown && isEditing ? (
          <EditedPlan
            key={shown.id}
            id={shown.id}
            onEnd={(text) => {
              close();
              if (text !== undefined) onDone(text);
            }}
          />
        ) : null}
        {shown && !isEditing ? (
          <div class="plan-scroll" tabIndex={0} role="group" aria-label={shown.name}>
            <LivePlan key={`${shown.id} ${shown.image?.version}`} plan={shown} />
          </div>
        ) : null}
      </div>
      {opened === 'new' ? (
        <NewPlanDialog
          onClose={close}
          onAdded={(text, added) => {
            location.hash = linkToPlan(added);
            onDone(text);
          }}
        />
      ) : null}
      {shown && opened === 'delete' ? <DeletePlanDialog plan={shown} onClose={close} onDeleted={onDone} /> : null}
    </>
  );
}

function PlanLinks({ plans, shown }: { readonly plans: readonly FloorPlan[]; readonly shown: FloorPlan | undefined }) {
  if (plans.length === 0) return null;
  return (
    <nav class="buttons" aria-label={messages.plans}>
      {plans.map(({ id, name }) => (
        <a key={id} class="button" href={linkToPlan(id)} aria-current={id === shown?.id}>
          {name}
        </a>
      ))}
    </nav>
  );
}

/** Loads it with its etag, so that somebody else's change is not overwritten. */
function EditedPlan({ id, onEnd }: { readonly id: string; readonly onEnd: (text?: string) => void }) {
  const loaded = useAnswer(async () => {
    const [seen, doorways] = await Promise.all([loadPlan(id), loadDoorways()]);
    return { seen, doorways };
  }, [id]);
  if (loaded.error !== undefined) return <Notice text={loaded.error} onRetry={loaded.reload} />;
  return loaded.value ? <PlanEditor {...loaded.value} onEnd={onEnd} /> : <Notice text={messages.loading} />;
}
