"""Between the messages of proofs and reports, and the domain."""

from laurel.benefits.v1 import badges_pb2, reports_pb2
from laurel.benefits.v1 import proofs_pb2 as pb
from libs.common.audit.messages import head_message
from libs.common.canonical import canonical
from libs.common.chains.chain import Root, signed_content
from libs.common.rpc.time import timestamp
from services.benefits.domain.cohorts import COLUMNS
from services.benefits.domain.points_report import Cohort, PointsReport
from services.benefits.domain.proofs import Content, Linked, Proof, Rooted


def content_message(content: Content) -> pb.EntryContent:
    """What the chain covers of an entry."""
    return pb.EntryContent(
        entry_id=content.entry_id,
        entry=content.entry,
        transaction=content.transaction,
        lot=content.lot,
        leaf=content.leaf,
    )


def chained_message(content: Content) -> pb.ChainedEntry:
    """An entry with its place in the chain."""
    return pb.ChainedEntry(
        content=content_message(content),
        recorded_time=timestamp(content.recorded_time),
        position=content.position,
        chain_hash=content.chain_hash,
    )


def root_message(root: Root) -> pb.LedgerRoot:
    """The signed root of a day."""
    return pb.LedgerRoot(
        service=root.service,
        program_id=root.program_id,
        chain=root.chain,
        date=root.date,
        first_position=root.first_position,
        last_position=root.last_position,
        root_hash=root.root_hash,
        chain_hash=root.chain_hash,
        signed_time=timestamp(root.signed_time),
        key_id=root.key_id,
        signature=root.signature,
    )


def proof_message(proof: Proof) -> pb.EntryProof:
    """The proof of an entry, by a root or by a head."""
    message = pb.EntryProof(content=content_message(proof.content), position=proof.content.position)
    put_proving(message, proof.by)
    return message


def put_proving(message: pb.EntryProof | badges_pb2.BadgeProof, by: Rooted | Linked | None) -> None:
    """Put what proves it into the message of a proof."""
    match by:
        case Rooted(root, path):
            message.root.CopyFrom(root_message(root))
            message.path.extend(each.hex() for each in path)
            message.statement = canonical(signed_content(root)).decode()
        case Linked(head, previous_hash, following_leaves):
            message.head.CopyFrom(head_message(head))
            message.previous_hash = previous_hash
            message.following_leaves.extend(following_leaves)
            message.statement = canonical(signed_content(head)).decode()


def report_message(
    report: PointsReport, cohorts: list[Cohort], *, points_currency: str, currency: str
) -> reports_pb2.PointsReport:
    """A report with some of its cohorts."""
    expected = report.expected
    return reports_pb2.PointsReport(
        points_currency=points_currency,
        issued_points=report.conservation.issued,
        states=[
            reports_pb2.PointsState(state=state, points=points)
            for state, points in report.conservation.states.items()
        ],
        difference_points=report.conservation.difference,
        arrears_points=report.arrears,
        outstanding_points=report.outstanding,
        currency=currency,
        value_minor=report.redemption.value_minor,
        value_points=report.redemption.points,
        expected_redemption_bp=expected.redeemed_bp,
        expected_redemption_months=expected.months,
        liability_minor=report.liability_minor,
        cohorts=[_cohort_message(report, each) for each in cohorts],
        as_of=timestamp(report.as_of),
        cohorts_behind_seconds=int(report.behind_seconds),
    )


def _cohort_message(report: PointsReport, cohort: Cohort) -> reports_pb2.PointsCohort:
    return reports_pb2.PointsCohort(
        month=cohort.month,
        worth_bp=report.worth_bp(cohort),
        liability_minor=report.cohort_liability_minor(cohort),
        breakage_bp=cohort.breakage_bp,
        **{f"{column}_points": cohort[column] for column in COLUMNS},
    )
