// Generates this room's sources; filled in by the room.
