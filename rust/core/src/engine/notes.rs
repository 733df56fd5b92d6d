//! What whoever runs the vault must not forget: one text a topic, as durable as everything else, read by no decision.

use crate::codec::coded_struct;
use crate::event::Event;
use crate::event::sound::NOTE_BYTES_MAX;

use super::{Engine, Refusal};

/// How many topics there may be at a time.
const TOPICS_MAX: usize = 64;

/// The newest text of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The record that holds it.
    pub sequence: u64,
    /// The text.
    pub text: Box<str>,
}
coded_struct!(Note { sequence, text });

impl Engine {
    /// Keeps a text under a topic, in the place of the last one; an empty text ends the topic.
    pub fn note(&mut self, topic: &str, text: &str) -> Result<(), Refusal> {
        if text.len() > NOTE_BYTES_MAX {
            return Err(Refusal::LongNote { topic: topic.to_owned(), bytes: text.len(), allowed: NOTE_BYTES_MAX });
        }
        if !self.notes.contains_key(topic) && self.notes.len() >= TOPICS_MAX && !text.is_empty() {
            return Err(Refusal::ManyNotes { topic: topic.to_owned(), allowed: TOPICS_MAX });
        }
        self.commit(Event::Noted { topic: topic.into(), text: text.into() })?;
        self.look();
        Ok(())
    }

    /// The newest text of a topic.
    pub fn noted(&self, topic: &str) -> Option<&Note> {
        self.notes.get(topic)
    }

    /// Every topic with its newest text, by name.
    pub fn notes(&self) -> impl Iterator<Item = (&str, &Note)> {
        self.notes.iter().map(|(topic, note)| (&**topic, note))
    }

    pub(super) fn apply_note(&mut self, topic: &str, text: &str) {
        if text.is_empty() {
            self.notes.remove(topic);
        } else {
            let note = Note { sequence: self.sequence.saturating_add(1), text: text.into() };
            self.notes.insert(topic.into(), note);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::Limits;
    use crate::time::Time;

    use super::*;

    fn engine() -> Engine {
        Engine::new("v", Limits::for_tier("growth").unwrap(), Time::START).unwrap()
    }

    #[test]
    fn the_newest_text_of_a_topic_counts_and_survives() {
        let mut engine = engine();
        for text in ["first", "second"] {
            engine.note("strategy", text).unwrap();
        }
        engine.note("gone", "soon").unwrap();
        engine.note("gone", "").unwrap();
        let restored = Engine::from_checkpoint(&engine.checkpoint()).unwrap();
        let replayed = Engine::replay(&engine.take_records()).unwrap();
        for engine in [engine, restored, replayed] {
            let notes: Vec<_> = engine.notes().collect();
            assert_eq!(notes, [("strategy", &Note { sequence: 3, text: "second".into() })]);
        }
    }

    #[test]
    fn notes_are_bounded() {
        let mut engine = engine();
        let long = "x".repeat(NOTE_BYTES_MAX);
        engine.note("long", &long).unwrap();
        let refused = engine.note("long", &format!("{long}x"));
        assert!(matches!(refused, Err(Refusal::LongNote { bytes, .. }) if bytes == NOTE_BYTES_MAX + 1));
        for number in 1..TOPICS_MAX {
            engine.note(&format!("topic-{number}"), "text").unwrap();
        }
        assert!(matches!(engine.note("one-more", "text"), Err(Refusal::ManyNotes { .. })));
        engine.note("long", "other").unwrap();
        engine.note("long", "").unwrap();
        engine.note("one-more", "text").unwrap();
    }
}
