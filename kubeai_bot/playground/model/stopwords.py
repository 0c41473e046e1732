"""Words that are never the name of an object: everyday English, and the words of the trade."""

from __future__ import annotations

_WORDS = """
a about acknowledge acknowledged after again ago all allowed also am an and any anything apply are aren aren't
as at back be been before being bot both broken but by can can't change changed changes check checks cluster
clusters consume consumes consuming container containers cordon could cpu crash crashed crashes crashing
crashloop crashloopbackoff create current currently d debug delete describe details diagnose did do does doesn't
doing don done down drain each error errors every everything everywhere evict fail failed failing fails find
first fix for from get getting give go going had happened happening has have having health healthy hello help
here hey hi history hour hours how i if image imagepullbackoff images in incident incidents into is isn isn't
issue issues it it's its just k8s keep keeps kept killed kube kubeai kubectl kubernetes last lately latest lines
list ll log logs look loop looping m many may me memory minute minutes moment more most much my n name named
namespace namespaces need needs new no not now object objects of off ok okay on one only oom oomkilled or other
our out over own patch pending per permission permissions playbook please previous print prints problem problems
pull pulled ram re ready recently remove replica replicas resource resources restart restarted restarting
restarts revision revisions right rights rollback rolled rolling rollout rollouts run runbook runbooks running
runs s say scale see she should show sick since slow slowly so some something state status still stuck such t
tell than thanks that the their them then there these they thing things this those time times to today too top
trouble troubles undo unhealthy up update us usage use used uses using ve version very want was we well were
what what's whats when where which while who whoami whole whose why will with without won won't workloads would
wrong yes yesterday you your
ahead approve back bounce bump cores double give grant increase instances kill let let's limit limits lower mb gb node
nodes pod pods raise reduce request requests revert roll rollback set switch tag uncordon upgrade
"""

STOPWORDS = frozenset(_WORDS.split())
