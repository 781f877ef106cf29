"""Update rules: each maps a field to the update map that discretises it."""
