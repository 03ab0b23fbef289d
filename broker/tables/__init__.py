"""What a broker remembers besides its log: topics, groups, offsets, clients, locks."""
