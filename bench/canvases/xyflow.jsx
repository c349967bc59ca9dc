// The same cards in @xyflow/react, as its documentation says to do it: memoized nodes, state by its own hooks, what is out of sight not drawn.
import { Background, Handle, Position, ReactFlow, useEdgesState, useNodesState } from '@xyflow/react';
import { memo, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import '@xyflow/react/dist/style.css';
import { STEPS, cardContent, flow, query } from './cards.js';

const Step = memo(({ data }) => (
  <>
    <div className="card" dangerouslySetInnerHTML={{ __html: cardContent(data) }} />
    <Handle type="target" position={Position.Top} className="port" />
    <Handle type="source" position={Position.Bottom} className="port" />
    <button className="plus" tabIndex={-1}>+</button>
  </>
));
const types = { step: Step };
const start = flow(STEPS);

function Canvas() {
  const [nodes, , onNodesChange] = useNodesState(start.nodes.map(({ x, y, id, ...data }) => ({ id, type: 'step', position: { x, y }, data })));
  const [edges, , onEdgesChange] = useEdgesState(start.edges);
  useEffect(() => {
    requestAnimationFrame(() => (document.body.dataset.ready = ''));
  }, []);
  return (
    <ReactFlow nodes={nodes} edges={edges} onNodesChange={onNodesChange} onEdgesChange={onEdgesChange} nodeTypes={types} panOnDrag={[1]}
      minZoom={0.1} maxZoom={2} onlyRenderVisibleElements={query.has('visible')} disableKeyboardA11y={false}>
      <Background />
    </ReactFlow>
  );
}

createRoot(document.getElementById('root')).render(<Canvas />);
