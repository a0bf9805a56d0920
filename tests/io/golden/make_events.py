# SPDX-License-Identifier: Apache-2.0
"""Writes events.tfevents: a version, scalars, a text and a restart, as TensorBoard's own messages and tfrecords.

Needs tensorboard (made with 2.21.0) and numpy.
"""

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.summary.writer.record_writer import RecordWriter

WALL_TIME = 1700000000.25

events = [event_pb2.Event(wall_time=WALL_TIME, file_version="brain.Event:2")]

scalars = summary_pb2.Summary()
for tag, value in (("loss", 0.6931471805599453), ("rewards/margins", -1.5e-7), ("eval_loss", float("inf"))):
    scalars.value.add(tag=tag, simple_value=value)
events.append(event_pb2.Event(wall_time=WALL_TIME, step=300, summary=scalars))

text = summary_pb2.Summary()
value = text.value.add(tag="config")
value.metadata.plugin_data.plugin_name = "text"
value.metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
value.tensor.CopyFrom(
    TensorProto(
        dtype="DT_STRING",
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        string_val=["| batch_size | 8 |\n".encode() * 20],
    )
)
events.append(event_pb2.Event(wall_time=WALL_TIME, step=0, summary=text))

restart = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
events.append(event_pb2.Event(wall_time=WALL_TIME, step=1 << 40, session_log=restart))

with open("events.tfevents", "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString(deterministic=True))
    writer.flush()
