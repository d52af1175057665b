"""Audit records and heads as messages, and back."""

from laurel.common.v1 import audit_pb2 as pb
from libs.common.audit.record import Actor, Record
from libs.common.chains.chain import Head
from libs.common.rpc.time import moment, timestamp


def record_message(record: Record) -> pb.AuditRecord:
    return pb.AuditRecord(
        record_id=record.record_id,
        program_id=record.program_id,
        recorded_time=timestamp(record.recorded_time),
        actor=pb.AuditActor(kind=record.actor.kind, subject=record.actor.subject, roles=record.actor.roles),
        act=record.act,
        objects=record.objects,
        reason=record.reason,
        before=record.before,
        after=record.after,
        request_id=record.request_id,
        trace_id=record.trace_id,
        digest=record.digest,
        position=record.position,
        chain_hash=record.chain_hash,
    )


def record_of(message: pb.AuditRecord) -> Record:
    return Record(
        record_id=message.record_id,
        program_id=message.program_id,
        recorded_time=moment(message.recorded_time),
        actor=Actor(message.actor.kind, message.actor.subject, tuple(message.actor.roles)),
        act=message.act,
        objects=tuple(message.objects),
        reason=message.reason,
        before=message.before,
        after=message.after,
        request_id=message.request_id,
        trace_id=message.trace_id,
        digest=message.digest,
        position=message.position,
        chain_hash=message.chain_hash,
    )


def head_message(head: Head) -> pb.AuditHead:
    return pb.AuditHead(
        service=head.service,
        program_id=head.program_id,
        position=head.position,
        chain_hash=head.chain_hash,
        signed_time=timestamp(head.signed_time),
        key_id=head.key_id,
        signature=head.signature,
        chain=head.chain,
    )


def head_of(message: pb.AuditHead) -> Head:
    return Head(
        service=message.service,
        program_id=message.program_id,
        position=message.position,
        chain_hash=message.chain_hash,
        signed_time=moment(message.signed_time),
        key_id=message.key_id,
        signature=message.signature,
        chain=message.chain,
    )
